-- « Autres identifiants »: the other numbers of the same person, as the registry writes them (`number,type,flag;…`).
ALTER TABLE registrations ADD COLUMN IF NOT EXISTS other_ids VARCHAR;
