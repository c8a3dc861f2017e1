export { type Database, databaseLabel, openDatabase } from './database.ts';
export {
  ConfigurationError,
  describeError,
  HeldByAnotherProcessError,
  isConfigurationFault,
  OvertakenError,
} from './errors.ts';
export { type Progress, type ProgressSnapshot, recordBatch, startProgress, takeSnapshot } from './progress.ts';
export { type RotationContext, type RotationEvent, type RotationResult, rotate } from './rotation.ts';
export { DEFAULTS, MAX_BATCH_SIZE, parseDatabaseUrl, parseSettings, type Settings } from './settings.ts';
