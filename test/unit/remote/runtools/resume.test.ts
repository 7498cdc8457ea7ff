import { describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import { createHttp, type Http, type HttpAnswer } from '../../../../src/remote/http.ts';
import { at, codes, dirAt, readAll } from '../support.ts';
import { testSite } from './site.ts';

/** The ranges that were asked for, `whole` for none; and what an answer is made into. */
const asked: string[] = [];
let disguise: (answer: HttpAnswer, range: string | undefined) => HttpAnswer = (answer) => answer;

function spy(): Http {
  const http = createHttp();
  asked.length = 0;
  disguise = (answer) => answer;
  return {
    close: () => http.close(),
    send: async (request) => {
      const answer = await http.send(request);
      if (!request.path.includes('/direct')) return answer;
      asked.push(request.headers.range ?? 'whole');
      return disguise(answer, request.headers.range);
    },
  };
}

const site = testSite({ http: spy });
const TEXT = 'twenty bytes of text';

function withHeaders(answer: HttpAnswer, status: number, headers: Record<string, string>): HttpAnswer {
  return { status, headers: { ...answer.headers, ...headers }, text: answer.text, bytes: answer.bytes };
}

function fetched(files: Record<string, RemoteStamp>, dateGrain = 1) {
  return readAll(site.far.remote({ dateGrain }, { resumeFrom: 10 }), '', files);
}

async function read(
  dateGrain = 1,
): Promise<{ readonly code: string | undefined; readonly text: string | undefined }> {
  const stamp = await site.place('a', TEXT);
  const { texts, outcomes } = await fetched({ a: stamp }, dateGrain);
  return { code: codes(outcomes).a, text: texts.a };
}

const cut = (bytes: number, times = 1): void => site.faults.next('download', { kind: 'cut', bytes }, times);
const labels = (): readonly string[] => site.far.gate.tickets.map(({ label }) => label);

describe('a large download that breaks off', () => {
  test('is gone on with where it broke off, after a look at the entry', async () => {
    cut(7);
    expect(await read()).toEqual({ code: 'ok', text: TEXT });
    expect(asked).toEqual(['whole', 'bytes=7-']);
    expect(labels()).toEqual(['download', 'list', 'download', 'list']);
  });

  test('is gone on with as long as more of it comes', async () => {
    cut(3, 5);
    expect(await read()).toEqual({ code: 'ok', text: TEXT });
    expect(asked).toEqual(['whole', 'bytes=3-', 'bytes=6-', 'bytes=9-', 'bytes=12-', 'bytes=15-']);
  });

  test('is given up when nothing more comes', async () => {
    cut(3);
    cut(0, 20);
    expect((await read()).code).toBe('network');
    expect(asked.length).toBeLessThan(8);
  });

  test('is not gone on with when the entry changed', async () => {
    cut(7);
    const stamp = await site.place('a', TEXT);
    site.whileWaiting('list', () => site.place('a', TEXT.toUpperCase()));
    const { outcomes } = await fetched({ a: stamp });
    expect(codes(outcomes)).toEqual({ a: 'changed' });
    expect(asked).toEqual(['whole']);
  });

  test('is fetched whole where dates do not tell one version from the next, unless the server names it', async () => {
    cut(7);
    expect(await read(1000)).toEqual({ code: 'ok', text: TEXT });
    expect(asked).toEqual(['whole', 'whole']);
    asked.length = 0;
    disguise = (answer) => withHeaders(answer, answer.status, { etag: '"v1"' });
    cut(7);
    expect(await read(1000)).toEqual({ code: 'ok', text: TEXT });
    expect(asked).toEqual(['whole', 'bytes=7-']);
  });

  test('is fetched whole where the server gives no part, and that is found out once', async () => {
    site.behaviour.ranges = 'ignored';
    const remote = site.far.remote({ dateGrain: 1 }, { resumeFrom: 10 });
    const stamp = await site.place('a', TEXT);
    cut(7);
    expect((await readAll(remote, '', { a: stamp })).texts.a).toBe(TEXT);
    expect(asked).toEqual(['whole', 'bytes=7-']);
    cut(7);
    const again = await readAll(remote, '', { a: stamp });
    expect([codes(again.outcomes).a, again.texts.a]).toEqual(['ok', TEXT]);
    expect(asked.slice(2)).toEqual(['whole', 'whole']);
  });

  const lies: Readonly<Record<string, Record<string, string>>> = {
    'another part': { 'content-range': 'bytes 6-19/20' },
    'a part of another length': { 'content-range': 'bytes 7-19/21' },
    'no word of what it gives': { 'content-range': '' },
    'it packed': { 'content-encoding': 'gzip' },
    'another version': { etag: '"v2"' },
  };
  for (const [what, headers] of Object.entries(lies)) {
    test(`is fetched whole when the server gives ${what}`, async () => {
      disguise = (answer, range) =>
        withHeaders(answer, answer.status, { etag: '"v1"', ...(range === undefined ? {} : headers) });
      cut(7);
      expect(await read()).toEqual({ code: 'ok', text: TEXT });
      expect(asked).toEqual(['whole', 'bytes=7-', 'whole']);
    });
  }

  test('is fetched whole when the part is refused', async () => {
    disguise = (answer, range) => (range === undefined ? answer : withHeaders(answer, 416, {}));
    cut(7);
    expect(await read()).toEqual({ code: 'ok', text: TEXT });
    expect(asked).toEqual(['whole', 'bytes=7-', 'whole']);
  });

  test('never begins with a web page', async () => {
    site.faults.next('download', { kind: 'html' });
    const { code } = await read();
    expect(code).toBe('changing');
    expect(asked).toEqual(['whole']);
  });

  test('ends with what keeps it from being taken here', async () => {
    const stamp = await site.place('a', TEXT);
    let told = '';
    await site.far.remote({ dateGrain: 1 }, { resumeFrom: 10 }).read(dirAt(''), [
      {
        path: at('a'),
        expect: stamp,
        receive: async (body) => {
          for await (const _ of body) throw new RtsyncError('disk-full', 'the disk is full');
          return { size: 0 };
        },
        done: async (outcome) => {
          told = outcome.ok ? 'ok' : outcome.error.message;
        },
      },
    ]);
    expect(told).toContain('the disk is full');
    expect(asked).toEqual(['whole']);
  });

  test('is not one below the size from which that pays', async () => {
    const stamp = await site.place('a', 'nine here');
    cut(4);
    const { texts } = await fetched({ a: stamp });
    expect(texts.a).toBe('nine here');
    expect(asked).toEqual(['whole', 'whole']);
  });
});
