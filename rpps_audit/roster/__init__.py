from rpps_audit.roster.jobs import with_jobs
