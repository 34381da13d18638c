ALTER TABLE "batches" ADD COLUMN "tracestate" text;--> statement-breakpoint
ALTER TABLE "pending_inputs" ADD COLUMN "tracestate" text;