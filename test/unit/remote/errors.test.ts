import { describe, expect, test } from 'vitest';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { type Asked, lostAnswer, readErrorBody, refusal } from '../../../src/remote/errors.ts';

const list: Asked = { method: 'GET', what: 'list of "/a"', growth: false, upload: false };
const upload: Asked = { method: 'POST', what: 'upload of "/a"', growth: true, upload: true };
const oneMore: Asked = { ...upload, allowedBefore: true };
const remove: Asked = { method: 'DELETE', what: 'delete of "/a"', growth: false, upload: false };

describe('an error answer', () => {
  test.each([
    [list, 401, '', 'key-refused'],
    [list, 403, '', 'forbidden'],
    [list, 404, '', 'not-found'],
    [upload, 409, '', 'taken'],
    [upload, 413, 'too big', 'too-large'],
    [upload, 413, 'over your storage quota', 'storage-full'],
    [upload, 402, '', 'storage-full'],
    [upload, 507, '', 'storage-full'],
    [upload, 400, '{"error":{"code":"quota_exceeded","message":"no"}}', 'storage-full'],
    [upload, 500, 'the storage is full', 'storage-full'],
    [upload, 500, 'object storage backend hiccup', 'server-error'],
    [upload, 403, 'no access to this storage', 'forbidden'],
    [oneMore, 403, 'blocked by policy', 'bad-request'],
    [oneMore, 401, '', 'key-refused'],
    [remove, 507, 'quota', 'server-error'],
    [list, 422, '', 'bad-request'],
    [list, 429, '', 'rate-limited'],
    [list, 503, '', 'server-error'],
    [list, 302, '', 'bad-answer'],
  ] as const)('%o with %i "%s" is %s', (asked, status, text, code) => {
    expect(refusal(asked, status, text).code).toBe(code);
  });

  test.each([
    [
      '{"error":{"code":"x","message":"said","requestId":"r1"}}',
      { code: 'x', message: 'said', requestId: 'r1' },
    ],
    ['{"error":"said"}', { message: 'said' }],
    ['{"message":"said"}', { message: 'said' }],
    ['said\n plainly', { message: 'said plainly' }],
    ['<html>no</html>', {}],
    ['', {}],
    ['{"other":1}', {}],
  ])('%s is read', (text, body) => {
    expect(readErrorBody(text)).toEqual(body);
  });

  test('leaves the outcome open when the server failed at a deed, and not when it failed at a look', () => {
    expect(refusal(upload, 500, '').ambiguous).toBe(true);
    expect(refusal(list, 500, '').ambiguous).toBe(false);
    expect(refusal(upload, 400, '').ambiguous).toBe(false);
  });
});

describe('a lost answer', () => {
  const coded = (code: string) => Object.assign(new Error('fetch failed'), { code });

  test('is ambiguous for a deed that may have arrived', () => {
    expect(lostAnswer(upload, coded('UND_ERR_SOCKET'))).toMatchObject({ code: 'network', ambiguous: true });
    expect(lostAnswer(upload, coded('ECONNREFUSED'))).toMatchObject({ code: 'network', ambiguous: false });
    expect(lostAnswer(list, coded('UND_ERR_SOCKET'))).toMatchObject({ code: 'network', ambiguous: false });
  });

  test('says `stopped` after an abort, with our own reason where there is one', () => {
    const control = new AbortController();
    control.abort(new Error('bye'));
    expect(lostAnswer(upload, control.signal.reason, control.signal).code).toBe('stopped');
  });

  test('passes our own errors on', () => {
    const ours = new RtsyncError('disk-full', 'full');
    expect(lostAnswer(list, ours)).toBe(ours);
  });
});
