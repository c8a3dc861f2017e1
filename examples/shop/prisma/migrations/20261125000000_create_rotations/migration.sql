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
    "list_sha256" TEXT,
    "survivors_rotated" BIGINT NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "planned_at" TIMESTAMPTZ(3),
    "verified_at" TIMESTAMPTZ(3),
    "paused_until" TIMESTAMPTZ(3),
    "overrides" JSONB NOT NULL DEFAULT '{}',

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

-- CreateTable
CREATE TABLE "rotation_runs" (
    "id" TEXT NOT NULL,
    "rotation" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "outcome" TEXT,
    "workers" INTEGER NOT NULL DEFAULT 0,
    "rows_rotated" BIGINT NOT NULL DEFAULT 0,
    "rows_per_second" INTEGER NOT NULL DEFAULT 0,
    "held_back_by" TEXT,
    "held_back_detail" TEXT,
    "held_back_since" TIMESTAMPTZ(3),

    CONSTRAINT "rotation_runs_pkey" PRIMARY KEY ("rotation","id")
);

-- CreateTable
CREATE TABLE "rotation_orders" (
    "id" TEXT NOT NULL,
    "rotation" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "overrides" JSONB NOT NULL DEFAULT '{}',
    "paused_until" TIMESTAMPTZ(3),
    "reason" TEXT,
    "given_by" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "given_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rotation_orders_pkey" PRIMARY KEY ("rotation","id")
);

-- CreateTable
CREATE TABLE "rotation_checks" (
    "id" TEXT NOT NULL,
    "rotation" TEXT NOT NULL,
    "findings" JSONB NOT NULL,
    "list_sha256" TEXT,
    "tokens_checked" BIGINT,
    "rows_found" BIGINT,
    "checked_by" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rotation_checks_pkey" PRIMARY KEY ("rotation","id")
);

-- AddForeignKey
ALTER TABLE "rotation_checkpoints" ADD CONSTRAINT "rotation_checkpoints_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "condemned_tokens" ADD CONSTRAINT "condemned_tokens_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rotation_runs" ADD CONSTRAINT "rotation_runs_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rotation_orders" ADD CONSTRAINT "rotation_orders_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rotation_checks" ADD CONSTRAINT "rotation_checks_rotation_fkey" FOREIGN KEY ("rotation") REFERENCES "rotations"("name") ON DELETE CASCADE ON UPDATE CASCADE;

-- Hashes do not compress: do not try.
ALTER TABLE "condemned_tokens" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;
