-- The exchange's database role in PostgreSQL: it reads what the plant's log and projections hold, writes its own state, and
-- nothing else. To be run by the owner of the tables, after the plant has been started once and `gaugeblock customer key list`
-- has made the exchange's tables. Choose a password; put the URL into a file that only the exchange's user may read.

CREATE ROLE gaugeblock_exchange LOGIN PASSWORD 'choose-one';
GRANT USAGE ON SCHEMA public TO gaugeblock_exchange;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO gaugeblock_exchange;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO gaugeblock_exchange;

GRANT INSERT, UPDATE, DELETE ON
  exchange_counters, exchange_credentials, exchange_assertions, exchange_idempotency, exchange_requests, exchange_usage,
  exchange_users, exchange_sessions, exchange_sign_in_failures, webhook_endpoints, webhook_deliveries
  TO gaugeblock_exchange;
GRANT USAGE ON SEQUENCE exchange_requests_id_seq TO gaugeblock_exchange;

-- The plant's own users, sessions and jobs are none of its business.
REVOKE ALL ON users, sessions, login_failures, jobs, job_schedules FROM gaugeblock_exchange;
