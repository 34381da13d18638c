-- Storage parameters, which the schema language cannot express.

-- Counter updates find room on their page and stay heap-only.
ALTER TABLE "batches" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
-- A claim cannot be heap-only (the status is in an index), so dead entries must go soon.
ALTER TABLE "slots" SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
ALTER TABLE "outbox" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
ALTER TABLE "pending_inputs" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
-- Messages live for seconds and are read at most once: compressing them costs more than it saves.
ALTER TABLE "outbox" ALTER COLUMN "messages" SET STORAGE EXTERNAL;
