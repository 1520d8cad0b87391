-- How a file was read: its layout, its mapping and what of it was kept. The same bytes read otherwise are another snapshot, which
-- takes the place of the first.
CREATE TABLE readings (snapshot_id INTEGER NOT NULL, fingerprint VARCHAR NOT NULL);
