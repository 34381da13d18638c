-- els: outside-transaction
-- What lists of batches walk, the newest first, and what finds one by the beginning of its id.
CREATE INDEX CONCURRENTLY "batches_listed" ON "batches" USING btree ("state",coalesce("registered_at", "announced_at"),"id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "batches_listed_by_user" ON "batches" USING btree ("user_id","state",coalesce("registered_at", "announced_at"),"id") WHERE "batches"."user_id" is not null;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "batches_listed_by_org" ON "batches" USING btree ("org_id","state",coalesce("registered_at", "announced_at"),"id") WHERE "batches"."org_id" is not null;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "batches_listed_by_course" ON "batches" USING btree ("course_code","state",coalesce("registered_at", "announced_at"),"id") WHERE "batches"."course_code" is not null;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "batches_by_prefix" ON "batches" USING btree ("id" text_pattern_ops);
