/**
 * The floor: a bare loop that does nothing but the unavoidable requests of a job, with a hand-built frame over undici
 * and 32 connections. No state, no checks, no recovery: nobody can ship it, and nobody can be faster.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';

export interface Floor {
  /** One request a folder and a file. Gives the number of requests. */
  push(root: string): Promise<number>;
  /** One list a folder. */
  look(root: string): Promise<number>;
  close(): Promise<void>;
}

export function createFloor(origin: string, workspace: string): Floor {
  const pool = new Pool(origin, { connections: 32 });
  const base = `/v1/workspaces/${workspace}`;
  let requests = 0;
  const send = async (method: 'GET' | 'POST', path: string, type?: string, body?: Buffer): Promise<void> => {
    requests += 1;
    const headers = { 'x-api-key': 'rt_test_bench', ...(type === undefined ? {} : { 'content-type': type }) };
    const answer = await pool.request({
      method,
      path: `${base}${path}`,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode}`);
  };
  const each = async (items: readonly string[], task: (item: string) => Promise<void>): Promise<void> => {
    const queue = items.values();
    const worker = async (): Promise<void> => {
      for (const item of queue) await task(item);
    };
    await Promise.all(Array.from({ length: 32 }, worker));
  };
  const counted = async (job: () => Promise<void>): Promise<number> => {
    requests = 0;
    await job();
    return requests;
  };
  return {
    push: (root) =>
      counted(async () => {
        const folders = readdirSync(root).filter((name) => name !== '.rtsync');
        await send('GET', '/files?showHidden=true');
        await each(folders, (name) =>
          send('POST', '/files', 'application/json', Buffer.from(JSON.stringify({ name, type: 'folder' }))),
        );
        const files = folders.flatMap((folder) =>
          readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
        );
        await each(files, (path) =>
          send(
            'POST',
            `/upload/${path.split('/')[0]}`,
            'multipart/form-data; boundary=xx',
            frame(root, path),
          ),
        );
      }),
    look: (root) =>
      counted(async () => {
        await send('GET', '/files?showHidden=true');
        await each(
          readdirSync(root).filter((name) => name !== '.rtsync'),
          (name) => send('GET', `/files/${name}?showHidden=true`),
        );
      }),
    close: () => pool.close(),
  };
}

function frame(root: string, path: string): Buffer {
  const name = path.split('/')[1] ?? '';
  const head = `--xx\r\nContent-Disposition: form-data; name="name"\r\n\r\n${name}\r\n--xx\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), readFileSync(join(root, path)), Buffer.from('\r\n--xx--\r\n')]);
}
