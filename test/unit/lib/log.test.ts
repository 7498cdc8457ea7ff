import { describe, expect, it } from 'vitest';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { createLog, hideSecret, scrub } from '../../../src/lib/log.ts';

function collect(pretty: boolean, level: 'info' | 'debug' = 'info') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, pretty, write: (text) => lines.push(text) }) };
}

describe('the log', () => {
  it('is one JSON object per line for machines', () => {
    const { lines, log } = collect(false);
    log.info({ path: 'a.txt' }, 'uploaded');
    log.debug('not at this level');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 30, path: 'a.txt', msg: 'uploaded' });
  });

  it('is a readable line for people', () => {
    const { lines, log } = collect(true);
    log.warn('storage is full');
    expect(lines.join('')).toMatch(/WARN.*storage is full/);
    expect(lines.join('')).not.toContain('{');
  });

  it('tells a foreseen failure without a stack trace', () => {
    const { lines, log } = collect(false);
    log.error(
      { err: new RtsyncError('network', { message: 'no way', path: 'p', cause: new Error('ECONNRESET') }) },
      'upload',
    );
    expect(JSON.parse(lines[0] ?? '').err).toEqual({
      code: 'network',
      message: 'no way',
      path: 'p',
      cause: 'ECONNRESET',
    });
  });

  it('hides secrets wherever they stand, in JSON and in readable lines', () => {
    hideSecret('correct-horse-battery');
    for (const pretty of [false, true]) {
      const { lines, log } = collect(pretty);
      log.info(
        {
          headers: { 'x-api-key': 'S1', authorization: 'Bearer S1' },
          request: { headers: { 'X-API-Key': 'S1' } },
        },
        'x',
      );
      log.info({ apiKey: 'S1', server: { token: 'S1' } }, 'correct-horse-battery');
      log.error(
        { err: new Error('GET https://s3.example/o?X-Amz-Signature=S1&X-Amz-Credential=S1') },
        'Bearer S1abcdef',
      );
      const all = lines.join('');
      expect(all).not.toContain('S1');
      expect(all).not.toContain('correct-horse');
      expect(all).toContain('[hidden]');
    }
  });
});

describe('scrubbing', () => {
  it.each([
    ['key rt_live_abc-DEF_123 end', 'key rt_live_[hidden] end'],
    ['Authorization: Bearer abc.def=', 'Authorization: Bearer [hidden]'],
    ['X-API-Key: abc, next', 'X-API-Key: [hidden], next'],
    ['{"x-api-key":"abc"}', '{"x-api-key":"[hidden]"}'],
    ['https://h/p?a=1&X-Amz-Signature=ff&b=2', 'https://h/p?a=1&X-Amz-Signature=[hidden]&b=2'],
    ['https://h/p?sig=ff%2B', 'https://h/p?sig=[hidden]'],
    ['https://me:pw@h/p', 'https://[hidden]@h/p'],
    ['a design of tokens, nothing secret', 'a design of tokens, nothing secret'],
  ])('%s', (text, clean) => {
    expect(scrub(text)).toBe(clean);
  });
});
