-- Where the first cell of each cause stands, so that a column damaged by a spreadsheet is one finding, on that line.
-- Null in files loaded before: the finding then stands on the file's first line.
ALTER TABLE cell_causes ADD COLUMN first_line INTEGER;
DROP VIEW damaged_columns;
CREATE VIEW damaged_columns AS
SELECT snapshot_id, "column", cause, cells, first_line FROM cell_causes WHERE damage;
