-- The living follow-up: one row for each cell somebody or some file has filled, for a person in an establishment. Where it comes
-- from is said of each; a cell written by hand is never taken away by a later file.
CREATE TABLE followup_cells (
    person   VARCHAR NOT NULL,     -- professional_id, or the name_key of the matching until there is a number
    finess   VARCHAR NOT NULL,     -- empty when nobody says where
    "column" VARCHAR NOT NULL,     -- of the suivi layout
    value    VARCHAR,              -- as written in the follow-up; null: emptied by hand
    source   VARCHAR NOT NULL,     -- French: the file, or « saisie »
    told_on  DATE NOT NULL,
    by_hand  BOOLEAN NOT NULL
);
