/** Which paths a request names: what it lists, uploads, downloads, moves or deletes. */
import type { Letter } from './desk.ts';
import { readForm } from './form.ts';
import { placeOf, readId } from './place.ts';

/** Relative to the top; none for what cannot be read. */
export function pathsNamed({ address, kind, headers, body }: Letter): readonly string[] {
  if (address === undefined) return [];
  try {
    if (kind === 'download') return [readId(address.query.get('id') ?? '').join('/')];
    if (kind === 'list') return [placeOf(address.rest, 'segments').join('/')];
    if (kind === 'upload') {
      const name = readForm(body, headers['content-type'] ?? '')?.name;
      return name === undefined ? [] : [[...placeOf(address.rest, 'segments'), name].join('/')];
    }
    if (kind !== 'change') return [];
    const { ids } = JSON.parse(body.toString('utf8')) as { readonly ids?: readonly string[] };
    return ids?.map((id) => readId(id).join('/')) ?? [placeOf(address.rest, 'segments').join('/')];
  } catch {
    return [];
  }
}

/** Of a batch that is moved or copied; undefined for all else. Relative to the top. */
export function moveNamed(
  letter: Letter,
):
  | { readonly operation: 'move' | 'copy'; readonly ids: readonly string[]; readonly target: string }
  | undefined {
  if (letter.method !== 'PUT' || letter.kind !== 'change' || letter.address?.rest !== '') return undefined;
  try {
    const told = JSON.parse(letter.body.toString('utf8')) as {
      readonly operation?: unknown;
      readonly target?: unknown;
    };
    const { operation } = told;
    if ((operation !== 'move' && operation !== 'copy') || typeof told.target !== 'string') return undefined;
    return { operation, ids: pathsNamed(letter), target: readId(told.target).join('/') };
  } catch {
    return undefined;
  }
}
