/** What the operating system refused, as the failures that rtsync foresees. */
import { type ErrorCode, RtsyncError } from '../lib/errors.ts';

/** The `code` of a system error, such as `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

export function isMissing(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** File systems without hard links answer with one of these. */
export function lacksHardLinks(thrown: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(thrown) ?? '');
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EACCES: 'unreadable',
  EPERM: 'unreadable',
  EROFS: 'unreadable',
  ENAMETOOLONG: 'unsupported-name',
  EILSEQ: 'unsupported-name',
  EINVAL: 'unsupported-name',
  ENOENT: 'changed',
  ENOTDIR: 'changed',
  EISDIR: 'changed',
  EEXIST: 'changed',
  ENOTEMPTY: 'changed',
  ELOOP: 'changed',
};

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  EROFS: 'the disk is read-only',
  ENAMETOOLONG: 'the name is too long for this disk',
  EILSEQ: 'this disk cannot hold the name',
  EINVAL: 'this disk cannot hold the name',
  EXDEV: 'it lies on another disk than the root of the folder',
};

/** `doing` completes "could not …", such as "write". An RtsyncError is passed through. */
export function diskError(thrown: unknown, path: string, doing: string): RtsyncError {
  if (thrown instanceof RtsyncError) return thrown;
  const code = codeOf(thrown);
  if (code === undefined) {
    return new RtsyncError('bug', { message: `could not ${doing} "${path}"`, path, cause: thrown });
  }
  const reason = REASONS[code] ?? `the system answered ${code}`;
  const message = `could not ${doing} "${path}": ${reason}`;
  return new RtsyncError(CODES[code] ?? 'local-io', { message, path, cause: thrown });
}

export function changed(path: string, message: string): RtsyncError {
  return new RtsyncError('changed', { message: `"${path}" ${message}`, path });
}
