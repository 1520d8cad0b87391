-- The ANS's correspondence of old ADELI numbers with RPPS numbers: one line = one ADELI number that became an RPPS number.
CREATE TABLE IF NOT EXISTS adeli_numbers (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, adeli VARCHAR, pp_id VARCHAR);
