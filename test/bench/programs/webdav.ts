/**
 * A small WebDAV face over a folder, as much of a Nextcloud server as its client needs to sync, in a process of its own:
 * `node webdav.ts FOLDER` prints its port. It does less for a request than the real one would, which is in its client's
 * favour. `POST /-/changed` with a list of folders tells it what somebody changed on the disk.
 */
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type DavNode, readTree } from './webdav-tree.ts';

const root = process.argv[2] ?? '';
const tree = readTree(root);
const FILES = '/remote.php/dav/files/bench';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const meta = { status: 'ok', statuscode: 100, message: 'OK' };
const ocs = (data: unknown): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ ocs: { meta, data } }),
});
const STATUS = {
  installed: true,
  maintenance: false,
  needsDbUpgrade: false,
  productname: 'Nextcloud',
  edition: '',
};
const VERSION = { version: '25.0.0.0', versionstring: '25.0.0' };
const CAPABILITIES = {
  version: { major: 25, minor: 0, micro: 0, string: '25.0.0', edition: '' },
  capabilities: { core: { pollinterval: 60, 'webdav-root': 'remote.php/webdav' }, dav: { chunking: '1.0' } },
};

const FIXED: Readonly<Record<string, Answer>> = {
  '/status.php': { status: 200, body: JSON.stringify({ ...STATUS, ...VERSION }) },
  '/ocs/v1.php/cloud/capabilities': ocs(CAPABILITIES),
  '/ocs/v1.php/cloud/user': ocs({ id: 'bench', 'display-name': 'bench', email: '' }),
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const body = await bodyOf(request);
  const fixed = FIXED[pathname];
  if (fixed !== undefined) return send(response, fixed);
  if (pathname === '/-/changed') {
    for (const folder of JSON.parse(body.toString()) as string[]) tree.reread(segmentsOf(folder));
    return send(response, { status: 204 });
  }
  if (!pathname.startsWith(FILES)) return send(response, { status: 404 });
  const path = segmentsOf(decodeURIComponent(pathname.slice(FILES.length)));
  if (request.method === 'GET') return download(path, response);
  return send(response, await deed(request, path, body));
}

async function deed(request: IncomingMessage, path: readonly string[], body: Buffer): Promise<Answer> {
  const { headers } = request;
  const file = join(root, ...path);
  switch (request.method) {
    case 'PROPFIND':
      return list(path, headers.depth !== '0');
    case 'PUT': {
      const status = tree.find(path) === undefined ? 201 : 204;
      await writeFile(file, body);
      const mtime = Number(headers['x-oc-mtime']);
      if (mtime > 0) await utimes(file, mtime, mtime);
      return { status, headers: { ...known(tree.refresh(path)), 'x-oc-mtime': 'accepted' } };
    }
    case 'MKCOL':
      await mkdir(file);
      return { status: 201, headers: known(tree.refresh(path)) };
    case 'DELETE':
      await rm(file, { recursive: true, force: true });
      tree.remove(path);
      return { status: 204 };
    case 'MOVE': {
      const target = new URL(String(headers.destination), 'http://localhost').pathname;
      const to = segmentsOf(decodeURIComponent(target.slice(FILES.length)));
      await rename(file, join(root, ...to));
      tree.move(path, to);
      return { status: 201, headers: known(tree.find(to)) };
    }
    default:
      return { status: 405 };
  }
}

function download(path: readonly string[], response: ServerResponse): void {
  const node = tree.find(path);
  if (node === undefined || node.children !== undefined) {
    send(response, { status: 404 });
    return;
  }
  response.writeHead(200, { ...known(node), 'content-length': node.size });
  createReadStream(join(root, ...path)).pipe(response);
}

function list(path: readonly string[], deep: boolean): Answer {
  const node = tree.find(path);
  if (node === undefined) return { status: 404 };
  const parts = [described(path, node)];
  if (deep) for (const [name, child] of node.children ?? []) parts.push(described([...path, name], child));
  return {
    status: 207,
    headers: { 'content-type': 'application/xml; charset=utf-8' },
    body: `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">${parts.join('')}</d:multistatus>`,
  };
}

function described(path: readonly string[], node: DavNode): string {
  const folder = node.children !== undefined;
  const href = `${FILES}/${path.map(encodeURIComponent).join('/')}${folder && path.length > 0 ? '/' : ''}`;
  const own = folder
    ? '<d:resourcetype><d:collection/></d:resourcetype><oc:permissions>RGDNVCK</oc:permissions>'
    : `<d:resourcetype/><d:getcontentlength>${node.size}</d:getcontentlength><oc:permissions>RGDNVW</oc:permissions>`;
  const modified = new Date(node.mtime * 1000).toUTCString();
  return `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${own}<d:getlastmodified>${modified}</d:getlastmodified><d:getetag>"${etagOf(node)}"</d:getetag><oc:id>${idOf(node)}</oc:id><oc:fileid>${node.id}</oc:fileid><oc:size>${node.size}</oc:size></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`;
}

function known(node: DavNode | undefined): Record<string, string> {
  if (node === undefined) return {};
  const etag = `"${etagOf(node)}"`;
  return { etag, 'oc-etag': etag, 'oc-fileid': idOf(node) };
}

const etagOf = (node: DavNode): string => `e${node.etag.toString(16).padStart(12, '0')}`;
const idOf = (node: DavNode): string => `${String(node.id).padStart(8, '0')}bench`;
const segmentsOf = (path: string): readonly string[] => path.split('/').filter((name) => name !== '');

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: Answer): void {
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length }).end(body);
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  answer(request, response).catch((error: unknown) => send(response, { status: 500, body: String(error) }));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`port ${typeof address === 'object' ? address?.port : ''}`);
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
