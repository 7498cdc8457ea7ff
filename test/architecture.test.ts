import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { breaches } from './support/architecture.ts';
import { blank, functionSpans, importsOf } from './support/sources.ts';

const SRC = path.join(import.meta.dirname, '..', 'src');

describe('the rooms', () => {
  it('keep to the table: who knows whom, which package lives where, how long things are', () => {
    const names = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(names.length).toBeGreaterThan(10);
    const files = names.map((name) => ({
      path: name.split(path.sep).join('/'),
      text: readFileSync(path.join(SRC, name), 'utf8'),
    }));
    expect(breaches(files)).toEqual([]);
  });
});

describe('the checker', () => {
  const faults = (file: string, text: string) =>
    breaches([{ path: file, text }]).map((one) => one.slice(file.length + 2));

  it.each([
    ['core/a.ts', "import { x } from '../lib/clock.ts';", 'core must not know lib/clock.ts'],
    ['core/a.ts', "import fs from 'node:fs';", 'core imports node:fs'],
    ['core/a.ts', "import ignore from 'ignore';", 'core imports ignore'],
    ['engine/a.ts', "import { x } from '../remote/http.ts';", 'engine must not know remote/http.ts'],
    ['engine/a.ts', "import type { X } from '../cli/main.ts';", 'engine must not know cli/main.ts'],
    ['engine/a.ts', "import { x } from '../app.ts';", 'engine must not know app.ts'],
    [
      'pace/a.ts',
      "import type { Remote } from '../remote/remote.ts';",
      'pace must not know remote/remote.ts',
    ],
    [
      'remote/runtools/a.ts',
      "import { x } from '../../pace/queue.ts';",
      'remote must not know pace/queue.ts',
    ],
    ['serve/a.ts', "import { x } from '../core/path.ts';", 'serve must not know core/path.ts'],
    ['serve/a.ts', "import { x } from '../remote/traits.ts';", 'serve must not know remote/traits.ts'],
    ['lib/a.ts', "export type { X } from '../core/path.ts';\nconst y = 1;", 'lib must not know core/path.ts'],
    ['cli/a.ts', "const x = await import('../state/database.ts');", 'cli must not know state/database.ts'],
    ['attic/a.ts', "import { x } from '../lib/clock.ts';", '"attic" is no room that the table knows'],
    [
      'cli/a.ts',
      "import { x } from '../../test/support/clock.ts';",
      'imports ../../test/support/clock.ts from outside of src',
    ],
    ['local/scan.ts', "import chokidar from 'chokidar';", 'chokidar belongs into local/watch.ts'],
    ['engine/a.ts', "import type { Database } from 'better-sqlite3';", 'better-sqlite3 belongs into state/'],
    ['engine/a.ts', "import {\n  fetch,\n} from 'undici';", 'undici belongs into remote/'],
    ['lib/b.ts', "import pino from 'pino';", 'pino belongs into lib/log.ts'],
    ['app.ts', "import { Command } from 'commander';", 'commander belongs into cli/'],
    [
      'remote/a.ts',
      "import multipart from '@fastify/multipart';",
      '@fastify/multipart belongs into serve/ or control/',
    ],
    ['lib/a.ts', 'let x: any = 1;', 'any'],
    ['lib/a.ts', 'const x = y as any;', 'any'],
    ['lib/a.ts', 'const x: Map<string, any> = y;', 'any'],
    ['lib/a.ts', 'export enum Color { Red }', 'enum'],
    ['lib/a.ts', 'export const enum Color { Red }', 'enum'],
    ['lib/a.ts', 'export default 1;', 'default export'],
    ['lib/a.ts', 'namespace N { }', 'namespace'],
    ['lib/a.ts', '// TO' + 'DO later', 'a note of unfinished work'],
    ['lib/index.ts', 'const x = 1;', 'barrel'],
    ['lib/a.ts', "export * from './b.ts';\nexport { c } from './c.ts';", 'barrel'],
    ['lib/a.ts', `${'\n'.repeat(300)}x();`, '301 lines, at most 300'],
  ])('finds a breach in %s: %s', (file, text, fault) => {
    expect(faults(file, text)).toEqual([fault]);
  });

  it.each([
    ['core/ignore.ts', "import ignore from 'ignore';\nimport { x } from './path.ts';"],
    [
      'engine/a.ts',
      "import type { Remote } from '../remote/remote.ts';\nimport { t } from '../remote/traits.ts';",
    ],
    ['app.ts', "import { x } from './remote/runtools/client.ts';\nimport { y } from './config.ts';"],
    ['config/a.ts', "import { x } from '../config.ts';\nimport { z } from 'zod';"],
    ['lib/a.ts', "// any enum: export default x as any;\nconst s = 'let x: any';\nconst t = `as any`;"],
    ['lib/a.ts', 'export interface X { any: string; many: number }\nfor (const any of list) use(any);'],
    ['lib/a.ts', '/** not one: import { x } from "../core/path.ts" */\nconst x = 1;'],
  ])('is content with %s', (file, text) => {
    expect(faults(file, text)).toEqual([]);
  });

  it('measures functions of every kind, each without those inside it', () => {
    const body = (lines: number) => '  x();\n'.repeat(lines - 2);
    const kinds = [
      (inner: string) => `function f(a: string, b = g(1)): void {\n${inner}}`,
      (inner: string) => `function f(): { a: string } {\n${inner}}`,
      (inner: string) => `const f = async (a: number) => {\n${inner}};`,
      (inner: string) => `class A {\n  get x(): Map<string, number> {\n${inner}  }\n}`,
      (inner: string) => `const o = {\n  run(ticket) {\n${inner}  },\n};`,
    ];
    for (const kind of kinds) {
      expect(Math.max(...functionSpans(kind(body(61))).map((span) => span.lines))).toBe(61);
      expect(faults('lib/a.ts', kind(body(61)))).toHaveLength(1);
      expect(faults('lib/a.ts', kind(body(60)))).toEqual([]);
    }
    const nested = `function outer() {\n${body(40)}  function inner() {\n${body(40)}  }\n}`;
    expect(functionSpans(nested).map((span) => span.lines)).toEqual([40, 40]);
    expect(faults('lib/a.ts', `if (a) {\n${body(90)}} else {\n${body(90)}}`)).toEqual([]);
  });

  it('is not led astray by braces in texts, templates and patterns', () => {
    const text =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the source of a template
      "const a = '{'; const b = /[/{]/g; const c = `{${{ d: '}' }.d}{`; // {\n/* { */ const e = 4 / 2 / 1;";
    const code = blank(text);
    expect(code).toHaveLength(text.length);
    expect(code.split('{').length).toBe(code.split('}').length);
    expect(code).toContain('4 / 2 / 1');
  });

  it('sees every way to import', () => {
    const text =
      "import 'a';\nimport b, { type c } from \"b\";\nexport * from './d.ts';\nawait import('e');\nimport type { f } from 'f';";
    expect([...importsOf(text)].sort()).toEqual(['./d.ts', 'a', 'b', 'e', 'f']);
  });
});
