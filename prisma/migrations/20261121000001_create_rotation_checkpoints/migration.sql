-- CreateTable
CREATE TABLE "rotation_checkpoints" (
    "rotation" TEXT NOT NULL,
    "partition" INTEGER NOT NULL,
    "target" TEXT NOT NULL,
    "lower_bound" TEXT,
    "upper_bound" TEXT NOT NULL,
    "cursor" TEXT,
    "rows_total" BIGINT NOT NULL,
    "total_is_estimate" BOOLEAN NOT NULL,
    "rows_rotated" BIGINT NOT NULL DEFAULT 0,
    "claimed_by" TEXT,
    "claimed_until" TIMESTAMPTZ(3),
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "rotation_checkpoints_pkey" PRIMARY KEY ("rotation","partition")
);
