/** Local content to the server, a folder's worth at a time. */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { agreed } from '../../core/base.ts';
import { nameOf, type RemoteDir } from '../../core/path.ts';
import type { Upload } from '../../core/plan.ts';
import type { Digest, LocalStamp, RemoteStamp } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { LocalSource } from '../../local/local.ts';
import type { Outcome, Write, WriteSource, Written } from '../../remote/remote.ts';
import { fileNode, type Work } from '../work.ts';

export async function uploadAll(work: Work, dir: RemoteDir, uploads: readonly Upload[]): Promise<void> {
  await work.pair.remote.write(
    dir,
    uploads.map((upload) => asWrite(work, upload)),
    work.signal,
  );
}

function asWrite(work: Work, upload: Upload): Write {
  let source: LocalSource | undefined;
  return {
    path: upload.place.remote,
    expect: upload.remote,
    size: upload.local.size,
    open: async () => {
      const opened = await work.pair.local.open(upload.place.local, upload.local);
      source = opened;
      return intended(work, upload, opened);
    },
    done: async (outcome) => {
      try {
        await settle(work, upload, source, outcome);
      } catch (error) {
        work.ledger.failed(upload, error);
      } finally {
        await source?.close();
      }
    },
  };
}

/** What is sent is written down before it can arrive: the version that is read, and its digest. */
function intended(work: Work, upload: Upload, source: LocalSource): WriteSource {
  const { place, local, remote } = upload;
  const { digest: known, ...stamp } = local;
  const detail = { local: stamp, ...(remote === undefined ? {} : { remote }) };
  const intend = (digest?: Digest): void => {
    const sum = digest === undefined ? {} : { digest };
    work.ledger.intend(upload, { kind: 'upload', path: place.path, size: source.size, ...sum, detail });
  };
  let sending = false;
  const body = (): Buffer | Readable => {
    const content = source.body();
    const again = sending;
    sending = true;
    if (Buffer.isBuffer(content)) {
      if (!again) intend(known ?? hash('sha256', content, 'hex'));
      return content;
    }
    if (!again) intend();
    return Readable.from(noted(work, upload, source, content), { objectMode: false });
  };
  return { size: source.size, body };
}

/** A source knows its digest before it hands out the last bytes, so that it is written down before an answer can be lost. */
async function* noted(
  work: Work,
  upload: Upload,
  source: LocalSource,
  content: Readable,
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of content as AsyncIterable<Uint8Array>) {
    sent += chunk.length;
    if (sent === source.size) {
      const { digest, stamp } = await source.finish();
      work.ledger.learn(upload, { digest, detail: { local: stamp } });
    }
    yield chunk;
  }
}

/**
 * The base moves to what the server now holds, even when the local file changed while it was sent: its stamp then
 * matches nothing, so that the next cycle sends the newer content, and neither side takes the other for a stranger.
 */
async function settle(
  work: Work,
  upload: Upload,
  source: LocalSource | undefined,
  outcome: Outcome<Written>,
): Promise<void> {
  if (!outcome.ok) throw outcome.error;
  if (source === undefined) throw new RtsyncError('bug', `wrote "${upload.place.path}" without opening it`);
  const { stamp, digest, changed } = await source.finish();
  const { path } = upload.place;
  const key = nameOf(path);
  const sent: LocalStamp = { ...stamp, size: outcome.value.size };
  const remote: RemoteStamp = { size: outcome.value.size, date: outcome.value.date };
  work.ledger.deed({
    operation: upload,
    result: 'done',
    base: [{ kind: 'file', path, stamp: agreed(sent, digest, outcome.value.date) }],
    local: changed ? [] : [{ path, node: fileNode({ ...stamp, digest }, nameOf(upload.place.local), key) }],
    remote: [{ path, node: fileNode(remote, nameOf(upload.place.remote), key) }],
    journal: { kind: 'upload', path, digest, size: outcome.value.size },
    bytes: { up: outcome.value.size },
    followUp: changed,
    ...(upload.conflict ? { conflict: { path, copy: undefined, resolution: 'local' } } : {}),
  });
}
