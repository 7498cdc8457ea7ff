import { describe, expect, it } from 'vitest';
import { inBulkOrder } from '../../../src/core/bulk-order.ts';
import type { LocalPath, RelPath, RemotePath } from '../../../src/core/path.ts';
import type { MakeFolder, Operation, Upload } from '../../../src/core/plan.ts';

const place = (path: string) => ({
  path: path as RelPath,
  local: path as LocalPath,
  remote: path as RemotePath,
});

function upload(
  id: number,
  path: string,
  mtimeMs: number,
  how: { size?: number; after?: number[] } = {},
): Upload {
  const local = { size: how.size ?? 1, ino: 1, mtimeMs, ctimeMs: mtimeMs, mode: 0 };
  const { after = [] } = how;
  return {
    kind: 'upload',
    id,
    stage: 'fill',
    after,
    place: place(path),
    local,
    remote: undefined,
    conflict: false,
  };
}

function folder(id: number, path: string, after: number[] = []): MakeFolder {
  return { kind: 'makeFolderRemote', id, stage: 'fill', after, place: place(path) };
}

const paths = (operations: readonly Operation[]): readonly string[] =>
  operations.map((operation) => ('place' in operation ? operation.place.path : ''));

describe('much that is carried over', () => {
  it('goes by folder, the folder of the latest edit first, its latest file first', () => {
    const plan = [upload(0, 'a/1', 10), upload(1, 'b/1', 20), upload(2, 'a/2', 30), upload(3, 'b/2', 5)];
    expect(paths(inBulkOrder(plan))).toEqual(['a/2', 'a/1', 'b/1', 'b/2']);
  });

  it('leaves large files for the end', () => {
    const plan = [upload(0, 'a/large', 99, { size: 5_000_000 }), upload(1, 'a/1', 10), upload(2, 'b/1', 5)];
    expect(paths(inBulkOrder(plan))).toEqual(['a/1', 'b/1', 'a/large']);
  });

  it('makes a folder right before what goes into it', () => {
    const plan = [
      folder(0, 'a'),
      upload(1, 'a/1', 10, { after: [0] }),
      folder(2, 'b'),
      folder(3, 'b/c', [2]),
      upload(4, 'b/c/1', 20, { after: [3] }),
      folder(5, 'empty'),
    ];
    expect(paths(inBulkOrder(plan))).toEqual(['b', 'b/c', 'b/c/1', 'a', 'a/1', 'empty']);
  });
});
