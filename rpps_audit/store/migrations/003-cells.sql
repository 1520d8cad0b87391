-- What became of the cells of each column of each file: filled = read + unreadable, and converted is part of read.

CREATE TABLE cell_counts (
    snapshot_id INTEGER NOT NULL,
    "column"    VARCHAR NOT NULL,        -- the store's column; every column the file carries has its row
    filled      BIGINT NOT NULL,
    read        BIGINT NOT NULL,
    unreadable  BIGINT NOT NULL,         -- there, and not what the column holds: no date, no yes or no, no code of the list
    converted   BIGINT NOT NULL          -- understood, but not written as the column wants it
);

-- Why cells were converted, or could not be.
CREATE TABLE cell_causes (
    snapshot_id INTEGER NOT NULL,
    "column"    VARCHAR NOT NULL,
    cause       VARCHAR NOT NULL,        -- a key of rules/cells.toml [causes]
    cells       BIGINT NOT NULL,
    damage      BOOLEAN NOT NULL         -- a spreadsheet did it: one cause for the whole column
);
CREATE VIEW damaged_columns AS SELECT snapshot_id, "column", cause, cells FROM cell_causes WHERE damage;

-- Cells whose value is null in the typed table although the file says something. An unreadable code of a closed list
-- is not here: its text stays in its column, where the rules see it.
CREATE TABLE unreadable (
    snapshot_id INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    "column"    VARCHAR NOT NULL,
    raw         VARCHAR NOT NULL         -- as read; never leaves the store
);
