import { describe, expect, it } from 'vitest';
import { createRequestCounter } from './programs/request-counter.ts';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
const put = 'PUT /b HTTP/1.1\r\nContent-Length: 27\r\n\r\nGET /no HTTP/1.1\r\nHost: x\r\n\r';
const chunked =
  'POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n1a;x=y\r\n/no HTTP/1.1\r\nHost: x\r\n\r\n\r\r\n0\r\n\r\n';
const all = get + put + chunked + get;

function countIn(text: string, size: number): number {
  const count = createRequestCounter();
  let requests = 0;
  for (let at = 0; at < text.length; at += size) requests += count(Buffer.from(text.slice(at, at + size)));
  return requests;
}

describe('the request counter', () => {
  it.each([1, 2, 3, 7, 16, 50, 1_000])('finds each request once when the bytes come %i at a time', (size) => {
    expect(countIn(all, size)).toBe(4);
  });

  it('takes no body for a request', () => {
    expect(countIn(put, 1_000)).toBe(1);
    expect(countIn(chunked, 1_000)).toBe(1);
  });

  it('counts a request when its head is whole', () => {
    expect(countIn(get.slice(0, -1), 5)).toBe(0);
  });
});
