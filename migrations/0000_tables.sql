CREATE TABLE "batches" (
	"id" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"expected_count" integer DEFAULT 0 NOT NULL,
	"open_slots" integer DEFAULT 0 NOT NULL,
	"filled_count" integer DEFAULT 0 NOT NULL,
	"failed_count" integer DEFAULT 0 NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	"course_code" text,
	"user_id" text,
	"org_id" text,
	"class_id" text,
	"student_prompt_ref" json,
	"correlation_id" text,
	"traceparent" text,
	"registration_digest" text,
	"announced_at" timestamp with time zone DEFAULT now() NOT NULL,
	"registered_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	CONSTRAINT "batches_state_known" CHECK ("batches"."state" in ('announced', 'open', 'complete')),
	CONSTRAINT "batches_registered_unless_announced" CHECK (("batches"."state" = 'announced') = ("batches"."registration_digest" is null)),
	CONSTRAINT "batches_counts_add_up" CHECK ("batches"."open_slots" >= 0 and "batches"."open_slots" + "batches"."filled_count" + "batches"."failed_count" = "batches"."expected_count"),
	CONSTRAINT "batches_complete_when_full" CHECK (("batches"."state" = 'complete') = ("batches"."state" <> 'announced' and "batches"."open_slots" = 0) and ("batches"."state" = 'complete') = ("batches"."completed_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "excess_contents" (
	"batch_id" text NOT NULL,
	"text_storage_id" text NOT NULL,
	"file_upload_id" text NOT NULL,
	"original_file_name" text NOT NULL,
	"correlation_id" text NOT NULL,
	"recorded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "excess_one_per_text" PRIMARY KEY("batch_id","text_storage_id")
);
--> statement-breakpoint
CREATE TABLE "failures" (
	"batch_id" text NOT NULL,
	"file_upload_id" text NOT NULL,
	"essay_id" text,
	"original_file_name" text NOT NULL,
	"error_code" text NOT NULL,
	"error_message" text NOT NULL,
	"correlation_id" text NOT NULL,
	"recorded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "failures_one_per_upload" PRIMARY KEY("batch_id","file_upload_id")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"publisher" text NOT NULL,
	"messages" text NOT NULL,
	"message_count" integer NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"published_at" timestamp with time zone,
	"dead" boolean DEFAULT false NOT NULL,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "partition_attempts" (
	"consumer_group" text NOT NULL,
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"offset_next" bigint NOT NULL,
	"unclean_count" integer NOT NULL,
	"owner" text NOT NULL,
	"suspect_offset" bigint,
	"suspect_count" integer DEFAULT 0 NOT NULL,
	"taken_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "partition_attempts_consumer_group_topic_partition_pk" PRIMARY KEY("consumer_group","topic","partition")
);
--> statement-breakpoint
CREATE TABLE "pending_inputs" (
	"arrival" bigserial NOT NULL,
	"batch_id" text NOT NULL,
	"kind" text NOT NULL,
	"identity" text NOT NULL,
	"file_upload_id" text NOT NULL,
	"original_file_name" text NOT NULL,
	"error_code" text,
	"error_message" text,
	"correlation_id" text NOT NULL,
	"traceparent" text,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pending_one_per_identity" PRIMARY KEY("batch_id","kind","identity"),
	CONSTRAINT "pending_kind_known" CHECK ("pending_inputs"."kind" in ('content', 'failure'))
);
--> statement-breakpoint
CREATE TABLE "slots" (
	"essay_id" text PRIMARY KEY NOT NULL,
	"batch_id" text NOT NULL,
	"position" integer NOT NULL,
	"status" text DEFAULT 'open' NOT NULL,
	"text_storage_id" text,
	"file_upload_id" text,
	"original_file_name" text,
	"assigned_at" timestamp with time zone,
	"assigned_by" text,
	"batch_version" bigint,
	CONSTRAINT "slots_status_known" CHECK ("slots"."status" in ('open', 'filled', 'failed')),
	CONSTRAINT "slots_filled_has_text" CHECK (("slots"."status" = 'filled') = ("slots"."text_storage_id" is not null)),
	CONSTRAINT "slots_taken_has_version" CHECK (("slots"."status" = 'open') = ("slots"."batch_version" is null))
);
--> statement-breakpoint
CREATE INDEX "batches_unfinished" ON "batches" USING btree ("registered_at") WHERE "batches"."state" <> 'complete';--> statement-breakpoint
CREATE INDEX "outbox_unpublished" ON "outbox" USING btree ("due_at") WHERE "outbox"."published_at" is null and not "outbox"."dead";--> statement-breakpoint
CREATE INDEX "outbox_dead" ON "outbox" USING btree ("id") WHERE "outbox"."dead";--> statement-breakpoint
CREATE INDEX "outbox_published" ON "outbox" USING btree ("published_at") WHERE "outbox"."published_at" is not null;--> statement-breakpoint
CREATE INDEX "slots_open_by_position" ON "slots" USING btree ("batch_id","position") WHERE "slots"."status" = 'open';--> statement-breakpoint
CREATE UNIQUE INDEX "slots_one_per_text" ON "slots" USING btree ("batch_id","text_storage_id") WHERE "slots"."text_storage_id" is not null;