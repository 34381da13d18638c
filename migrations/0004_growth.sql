CREATE TABLE "upkeep_turns" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"held_until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "erasing" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "pending_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "draining" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "batches_being_erased" ON "batches" USING btree ("id") WHERE "batches"."erasing";--> statement-breakpoint
CREATE INDEX "batches_by_age" ON "batches" USING btree ("state",coalesce("registered_at", "announced_at"),"id") WHERE "batches"."state" <> 'complete';--> statement-breakpoint
DROP INDEX "batches_unfinished";--> statement-breakpoint
CREATE INDEX "pending_by_arrival" ON "pending_inputs" USING btree ("batch_id","arrival");--> statement-breakpoint
CREATE INDEX "pending_by_age" ON "pending_inputs" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "slots_by_status" ON "slots" USING btree ("batch_id","status","file_upload_id","position");--> statement-breakpoint
DROP INDEX "slots_open_by_position";--> statement-breakpoint
UPDATE "batches" b SET "pending_count" = p.count
FROM (SELECT "batch_id", count(*) AS count FROM "pending_inputs" GROUP BY "batch_id") p
WHERE p."batch_id" = b."id";--> statement-breakpoint
-- Nearly all bytes of the outbox are messages, and those lie in its TOAST table, which has settings of its own.
ALTER TABLE "outbox" SET (toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
ALTER TABLE "pending_inputs" SET (toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 0);--> statement-breakpoint
ALTER TABLE "batches" SET (toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 0);
