export { MAX_BATCH_SIZE } from './batch-size.ts';
export { type RecordTables, recordTablesOf } from './checkpoint/store.ts';
export { type Config, defineTargets, parseConfig, type Scope, type TargetOf, targetNamed } from './config.ts';
export type { RotationContext, RotationEvent } from './context.ts';
export { dataModelOf } from './data-model.ts';
export {
  type ClientConstructor,
  type Database,
  databaseLabel,
  openDatabase,
  type Queryable,
  schemaOf,
} from './database.ts';
export { describeError } from './describe-error.ts';
export { type Rehearsal, rehearse } from './dry-run.ts';
export {
  AfterBatchError,
  ConfigurationError,
  GaveUpError,
  HeldByAnotherProcessError,
  NoAnswerError,
  NotVerifiedError,
  nameHolders,
  OvertakenError,
  type RowNotRotated,
  RowsNotRotatedError,
  TooManyRowsSetAsideError,
} from './errors.ts';
export { type FaultKind, faultKind } from './faults.ts';
export type { Finding } from './finding.ts';
export { type Condemnation, isCondemned } from './is-condemned.ts';
export { assertVisible, inspectDatabase } from './preflight.ts';
export {
  type Progress,
  type ProgressSnapshot,
  recordBatch,
  recordTotal,
  startProgress,
  takeSnapshot,
} from './progress.ts';
export {
  type RunRecord,
  recordEvent,
  recordMemory,
  startRunRecord,
} from './report/run-record.ts';
export { type Report, reportSchema } from './report/schema.ts';
export { buildReport, type RunEnd, type RunFacts } from './report.ts';
export { type Counts, type RotationResult, rotate } from './rotation.ts';
export { DEFAULTS, MAX_WORKERS, optionName, parseDatabaseUrl, parseSettings, type Settings } from './settings.ts';
export { type PartitionStatus, type RotationStatus, readStatus } from './status.ts';
export type { RotatedRow, Target } from './target.ts';
export {
  type BytesOptions,
  base64url,
  type CustomOptions,
  custom,
  hex,
  sha256,
  type TokenKind,
  uuid,
} from './token-kinds.ts';
export { type LeakedJudgement, leakedFinding, noListFinding, type RotationState } from './verify/leaked-finding.ts';
export { LEAKED_FORMATS, type LeakedFormat } from './verify/leaked-formats.ts';
export {
  DEFAULT_COLUMN,
  formatOfName,
  type LeakedChunk,
  type LeakedListOptions,
  readLeakedList,
  type UnreadableLines,
} from './verify/leaked-list.ts';
export {
  findSurvivors,
  type LeakedTokens,
  LOOKUPS_AT_A_TIME,
  type LookUpOptions,
  type Rows,
} from './verify/survivors.ts';
export { rotationState, verifyRotation } from './verify.ts';
