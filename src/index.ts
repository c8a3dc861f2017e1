export { MAX_BATCH_SIZE } from './batch-size.ts';
export type { RotationContext, RotationEvent } from './context.ts';
export { type Database, databaseLabel, openDatabase } from './database.ts';
export {
  ConfigurationError,
  GaveUpError,
  HeldByAnotherProcessError,
  nameHolders,
  OvertakenError,
  type RowNotRotated,
  RowsNotRotatedError,
  TooManyRowsSetAsideError,
} from './errors.ts';
export { describeError, type FaultKind, faultKind } from './faults.ts';
export type { Finding } from './finding.ts';
export { LEAKED_FORMATS, type LeakedFormat } from './leaked-formats.ts';
export {
  DEFAULT_COLUMN,
  formatOfName,
  type LeakedChunk,
  type LeakedListOptions,
  type Malformed,
  readLeakedList,
} from './leaked-list.ts';
export {
  type Progress,
  type ProgressSnapshot,
  recordBatch,
  recordTotal,
  startProgress,
  takeSnapshot,
} from './progress.ts';
export { type Counts, type RotationResult, rotate } from './rotation.ts';
export { DEFAULTS, MAX_WORKERS, parseDatabaseUrl, parseSettings, type Settings } from './settings.ts';
export { findSurvivors, type LeakedTokens, LOOKUPS_AT_A_TIME, type Survivors, survivorsFinding } from './survivors.ts';
export { isRecorded, verifyRotation } from './verify.ts';
