CREATE TABLE "partition_progress" (
	"consumer_group" text NOT NULL,
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"offset_next" bigint NOT NULL,
	"record_timestamp_ms" bigint,
	"marked_by" text,
	"marked_from" bigint,
	"marked_to" bigint,
	"suspect_offset" bigint,
	"suspect_count" integer DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "partition_progress_consumer_group_topic_partition_pk" PRIMARY KEY("consumer_group","topic","partition")
);
--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "completion_outbox_id" bigint;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "erased_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "acknowledged" integer[] DEFAULT '{}'::integer[] NOT NULL;--> statement-breakpoint
CREATE INDEX "batches_to_erase" ON "batches" USING btree ("completed_at") WHERE "batches"."state" = 'complete' and "batches"."erased_at" is null;