-- CreateTable
CREATE TABLE "rotations" (
    "name" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "token_column" TEXT NOT NULL,
    "table_oid" BIGINT,
    "plan_xid" BIGINT,
    "watermark" TEXT,
    "condemned" BIGINT,
    "hash_form" TEXT,
    "hash_seed" BIGINT,
    "hash_buckets" INTEGER,
    "survivors_rotated" BIGINT NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "planned_at" TIMESTAMPTZ(3),
    "verified_at" TIMESTAMPTZ(3),

    CONSTRAINT "rotations_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "rotation_checkpoints" (
    "rotation" TEXT NOT NULL,
    "partition" INTEGER NOT NULL,
    "lower_bound" TEXT,
    "upper_bound" TEXT NOT NULL,
    "cursor" TEXT,
    "rows_total" BIGINT NOT NULL,
    "total_is_estimate" BOOLEAN NOT NULL,
    "rows_rotated" BIGINT NOT NULL DEFAULT 0,
    "set_aside" JSONB NOT NULL DEFAULT '{}',
    "claimed_by" TEXT,
    "claimed_until" TIMESTAMPTZ(3),
    "claimed_since" TIMESTAMPTZ(3),
    "last_fault" TEXT,
    "last_fault_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "rotation_checkpoints_pkey" PRIMARY KEY ("rotation","partition")
);

-- CreateTable
CREATE TABLE "condemned_tokens" (
    "rotation" TEXT NOT NULL,
    "bucket" INTEGER NOT NULL,
    "hashes" BIGINT[],

    CONSTRAINT "condemned_tokens_pkey" PRIMARY KEY ("rotation","bucket")
);

-- AddForeignKey
ALTER TABLE "rotation_checkpoints" ADD CONSTRAINT "rotation_checkpoints_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "condemned_tokens" ADD CONSTRAINT "condemned_tokens_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- Hashes do not compress: do not try.
ALTER TABLE "condemned_tokens" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;
