import { expect, test } from 'vitest';
import { parseOrigin } from '../../../src/remote/http.ts';

test.each([
  ['https://storage.example', 'https://storage.example'],
  ['https://storage.example/v1', 'https://storage.example'],
  ['https://storage.example/v1/', 'https://storage.example'],
  ['http://127.0.0.1:80/', 'http://127.0.0.1'],
  ['http://localhost:4711/v1', 'http://localhost:4711'],
  ['http://[::1]:4711', 'http://[::1]:4711'],
])('the service address %s is the origin %s', (text, origin) => {
  expect(parseOrigin(text)).toBe(origin);
});

test.each([
  'http://storage.example',
  'http://127.0.0.1.example',
  'ftp://localhost',
  'storage',
  'https://me:secret@storage.example',
  'https://storage.example/v2',
  'https://storage.example/?x=1',
])('the service address %s is refused as a matter of configuration', (text) => {
  expect(() => parseOrigin(text)).toThrow(expect.objectContaining({ code: 'config' }));
});

test('a refused address does not show the password in it', () => {
  try {
    parseOrigin('https://me:secret@storage.example');
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain('secret');
  }
});
