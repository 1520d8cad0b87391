-- A correction is of a record of the register, whichever file carries it: it says which state its author saw, and is found under the
-- key its record has now. A batch says in its signed manifest which files it was made from.

ALTER TABLE corrections ADD COLUMN as_of DATE;
UPDATE corrections SET as_of = (SELECT data_date FROM snapshots s WHERE s.snapshot_id = corrections.snapshot_id);

DROP VIEW correction_states;
DROP VIEW batch_states;
ALTER TABLE batches DROP COLUMN series;
ALTER TABLE batches DROP COLUMN snapshot_id;

CREATE VIEW correction_states AS
SELECT c.* REPLACE (coalesce(a.new_person || substr(c.record_key, length(a.old_person) + 1), c.record_key) AS record_key),
       e.event AS state, e.done_at AS state_at, e.batch_id, e.snapshot_id AS proof_snapshot_id, e.reason AS state_reason
FROM corrections c
JOIN (SELECT * FROM correction_events QUALIFY row_number() OVER (PARTITION BY correction_id ORDER BY event_id DESC) = 1) e
USING (correction_id)
LEFT JOIN (SELECT old_person, any_value(new_person) AS new_person FROM key_aliases GROUP BY old_person) a
ON a.old_person = split_part(c.record_key, '@', 1);

CREATE VIEW batch_states AS
SELECT b.*, e.event AS state, e.done_at AS state_at, e.reason AS state_reason, f.package, f.sha256
FROM batches b
JOIN (SELECT * FROM batch_events QUALIFY row_number() OVER (PARTITION BY batch_id ORDER BY event_id DESC) = 1) e
USING (batch_id)
JOIN (SELECT * FROM batch_events WHERE package IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY batch_id ORDER BY event_id DESC) = 1) f
USING (batch_id);
