export { type RotationStatus, readStatus } from './checkpoint/status.ts';
export { type Config, defineTargets, type PrintedEvent, targetNamed } from './config/config.ts';
export { type HashedOptions, hashed, type Sha256Options, sha256 } from './config/hashed-kinds.ts';
export { parseSettings, type Settings } from './config/settings.ts';
export type { RotatedRow, Target } from './config/target.ts';
export type { TargetOf } from './config/target-types.ts';
export {
  type BytesOptions,
  base64url,
  type CustomOptions,
  custom,
  hex,
  type TokenKind,
  uuid,
} from './config/token-kinds.ts';
export type { RotationContext, RotationEvent } from './context.ts';
export { type Database, openDatabase } from './database/database.ts';
export { schemaOf } from './database/url.ts';
export { describeError } from './errors/describe-error.ts';
export {
  AfterBatchError,
  ConfigurationError,
  GaveUpError,
  HeldByAnotherProcessError,
  NoAnswerError,
  NotVerifiedError,
  OvertakenError,
  RowsNotRotatedError,
  TooManyRowsSetAsideError,
} from './errors/errors.ts';
export type { Finding } from './finding.ts';
export { type RotationReport, rotationReportSchema } from './report/rotation-schema.ts';
export { type Report, reportSchema } from './report/schema.ts';
export { type RotationResult, rotate } from './rotate/rotation.ts';
export { type Condemnation, isCondemned } from './verify/is-condemned.ts';
export { verifyRotation } from './verify/verify.ts';
