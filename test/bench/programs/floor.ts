/**
 * The floor: a bare loop that does nothing but the unavoidable work of a job, with a hand-built frame over undici and 32
 * connections, Node's file calls, and one transaction of what it saw. No checks, no recovery: nobody can ship it, and
 * nobody can be faster. A process of its own, as its rivals are: `node floor.ts push|look ORIGIN WORKSPACE ROOT STATE`.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Pool } from 'undici';

const AT_ONCE = 32;

const [job = '', origin = '', workspace = '', root = '', state = ''] = process.argv.slice(2);
const pool = new Pool(origin, { connections: AT_ONCE });
const base = `/v1/workspaces/${workspace}`;

async function send(method: 'GET' | 'POST', path: string, type?: string, body?: Buffer): Promise<string> {
  const headers = { 'x-api-key': 'rt_test_bench', ...(type === undefined ? {} : { 'content-type': type }) };
  const answer = await pool.request({
    method,
    path: `${base}${path}`,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
  return text;
}

async function each(items: readonly string[], task: (item: string) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function frame(path: string): Buffer {
  const name = path.split('/')[1] ?? '';
  const head = `--xx\r\nContent-Disposition: form-data; name="name"\r\n\r\n${name}\r\n--xx\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), readFileSync(join(root, path)), Buffer.from('\r\n--xx--\r\n')]);
}

const folders = readdirSync(root).filter((name) => !name.startsWith('.'));
const files = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
const stamps = files.map((path) => [path, statSync(join(root, path)).mtimeMs] as const);

async function push(): Promise<void> {
  await send('GET', '/files?showHidden=true');
  await each(folders, async (name) => {
    await send('POST', '/files', 'application/json', Buffer.from(JSON.stringify({ name, type: 'folder' })));
  });
  await each(files, async (path) => {
    await send('POST', `/upload/${path.split('/')[0]}`, 'multipart/form-data; boundary=xx', frame(path));
  });
}

async function look(): Promise<void> {
  JSON.parse(await send('GET', '/files?showHidden=true'));
  await each(folders, async (name) => {
    JSON.parse(await send('GET', `/files/${name}?showHidden=true`));
  });
}

await (job === 'push' ? push() : look());
const database = new Database(state);
database.pragma('journal_mode = WAL');
database.exec('CREATE TABLE IF NOT EXISTS base (path TEXT PRIMARY KEY, stamp REAL) WITHOUT ROWID');
if (job === 'push') {
  const insert = database.prepare('INSERT OR REPLACE INTO base VALUES (?, ?)');
  database.transaction(() => {
    for (const stamp of stamps) insert.run(stamp);
  })();
} else database.prepare('SELECT path, stamp FROM base').all();
database.close();
await pool.close();
