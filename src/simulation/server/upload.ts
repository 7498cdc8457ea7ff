/**
 * Receiving a file: whole in one instant, or growing under its final name in two. What broke off stays as far as it
 * came where uploads grow, and leaves nothing elsewhere.
 */
import { badRequest, json, missing, Refusal, type SimAnswer, storageFull, wrap } from './answer.ts';
import { freeSpot, madeAt, parentFolder, type Shelf } from './deeds.ts';
import { type Form, readForm } from './form.ts';
import { idOf } from './place.ts';
import { type Act, fill, findFile, pathOf, place, type Segments, type Spot, writeAt } from './store.ts';

/** An upload of which only a part has come. */
export interface Growing {
  /** The rest comes; gives the answer. */
  finish(act: Act): SimAnswer;
}

export interface Sent {
  readonly parent: Segments;
  readonly contentType: string;
  readonly body: Buffer;
}

/** The whole upload in one instant. */
export function receiveWhole(shelf: Shelf, act: Act, sent: Sent): SimAnswer {
  const form = wholeForm(sent);
  const wanted = openFolder(shelf, act, sent, form);
  if (shelf.behaviour.growingUploads) return startGrowing(shelf, act, { wanted, form, part: 1 }).finish(act);
  // A name that is refused anyway is refused before the content is taken.
  freeSpot(wanted, shelf.behaviour.takenName);
  checkSize(shelf, form, shelf.room());
  const spot = freeSpot(wanted, shelf.behaviour.takenName);
  place(act, spot, form.content);
  return answerOf(shelf, spot);
}

/** The first of two instants. `part`: from 0 to 1, how much of it comes now. */
export function receivePart(shelf: Shelf, act: Act, sent: Sent & { readonly part: number }): Growing {
  const form = wholeForm(sent);
  return startGrowing(shelf, act, { wanted: openFolder(shelf, act, sent, form), form, part: sent.part });
}

/** Nothing more will come than what came. Only where uploads grow does it leave anything. */
export function receiveBroken(shelf: Shelf, act: Act, sent: Sent): void {
  if (!shelf.behaviour.growingUploads) return;
  const form = readForm(sent.body, sent.contentType);
  if (form !== undefined)
    startGrowing(shelf, act, { wanted: openFolder(shelf, act, sent, form), form, part: 1 });
}

function wholeForm(sent: Sent): Form {
  const form = readForm(sent.body, sent.contentType);
  if (form === undefined) throw badRequest('the form has no field "file"');
  return form;
}

function openFolder(shelf: Shelf, act: Act, { parent }: Sent, { name }: Form): Spot {
  if (shelf.room() <= 0) throw storageFull(shelf.behaviour);
  return { folder: parentFolder(shelf, act, parent), above: parent.join('/'), name };
}

function startGrowing(
  shelf: Shelf,
  act: Act,
  { wanted, form, part }: { readonly wanted: Spot; readonly form: Form; readonly part: number },
): Growing {
  const spot = freeSpot(wanted, shelf.behaviour.takenName);
  const { content } = form;
  const room = shelf.room();
  const fits = content.length <= room && content.length <= shelf.uploadLimitBytes;
  const came = fits ? Math.floor(content.length * part) : 0;
  const file = fill(act, spot, content.subarray(0, came));
  return {
    finish: (later) => {
      checkSize(shelf, form, room);
      const inPlace = isInPlace(shelf, spot);
      const stands = inPlace && spot.folder.entries.get(spot.name) === file;
      const path = stands ? pathOf(spot) : findFile(shelf.top, file);
      if (came < content.length || later !== act) {
        writeAt(later, file, { path, offset: came, bytes: content.subarray(came) });
      }
      // Whoever took the file away has the bytes; the name that was asked for is not there.
      if (!inPlace || !spot.folder.entries.has(spot.name))
        throw missing(shelf.behaviour, idOf([pathOf(spot)]));
      return answerOf(shelf, spot);
    },
  };
}

/** The folder may have been moved away or removed meanwhile. */
function isInPlace(shelf: Shelf, { above, folder }: Spot): boolean {
  let at = shelf.top;
  for (const name of above === '' ? [] : above.split('/')) {
    const next = at.entries.get(name);
    if (next?.kind !== 'folder') return false;
    at = next;
  }
  return at === folder;
}

function checkSize(shelf: Shelf, { content }: Form, room: number): void {
  if (content.length > shelf.uploadLimitBytes) {
    throw new Refusal(
      413,
      'payload_too_large',
      `A file may be at most ${shelf.uploadLimitBytes} bytes large.`,
    );
  }
  if (content.length > room) throw storageFull(shelf.behaviour);
}

function answerOf(shelf: Shelf, spot: Spot): SimAnswer {
  return json(wrap(shelf.behaviour, madeAt(spot)));
}
