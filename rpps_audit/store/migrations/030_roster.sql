-- What an HR file says in its own words, beside what it was read as: names in one cell, the establishment by its label, the
-- function in free words, one row for each month. `roster` turns them into birth_name, first_name, finess and dates.
ALTER TABLE employments ADD COLUMN usage_name VARCHAR;
ALTER TABLE employments ADD COLUMN full_name VARCHAR;   -- names in one cell, as written
ALTER TABLE employments ADD COLUMN place VARCHAR;       -- the establishment in the file's words: label, SIRET, analytic code
ALTER TABLE employments ADD COLUMN job VARCHAR;         -- function, in free words
ALTER TABLE employments ADD COLUMN month VARCHAR;       -- the month a row is about, where there is one row for each month
-- Lines of establishments outside the workspace's perimeter: counted, never stored. rows_read = kept + rejected + outside.
CREATE TABLE outside_perimeter (snapshot_id INTEGER NOT NULL, rows BIGINT NOT NULL);
