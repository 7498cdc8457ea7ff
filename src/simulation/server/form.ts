/** Reads the form of an upload, whole or broken off somewhere. */
import { badRequest } from './answer.ts';
import { checkedName } from './place.ts';

export interface Form {
  /** The field `name`, else the name of the file itself. */
  readonly name: string;
  /** The file's bytes, as far as they came. */
  readonly content: Uint8Array;
}

const BLANK = Buffer.from('\r\n\r\n');

/** Throws a refusal for what is no upload. Undefined when it broke off before the file began. */
export function readForm(body: Buffer, contentType: string): Form | undefined {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw badRequest('an upload is multipart/form-data');
  const line = Buffer.from(`\r\n--${boundary}`);
  let name: string | undefined;
  let file: { readonly filename: string; readonly content: Uint8Array } | undefined;
  // The first boundary has no line before it.
  let at = line.length - 2;
  while (body[at] === 13) {
    const blank = body.indexOf(BLANK, at);
    if (blank < 0) break;
    const head = body.toString('utf8', at, blank);
    const start = blank + BLANK.length;
    const end = body.indexOf(line, start);
    const bytes = body.subarray(start, end < 0 ? body.length : end);
    const field = /[; ]name="([^"]*)"/i.exec(head)?.[1];
    const filename = /filename="([^"]*)"/i.exec(head)?.[1];
    if (field === 'name' && filename === undefined && end >= 0) name = checkedName(bytes.toString('utf8'));
    if (field === 'file') {
      if (file !== undefined) throw badRequest('one upload carries one file');
      file = { filename: filename ?? '', content: bytes };
    }
    if (end < 0) break;
    at = end + line.length;
  }
  if (file === undefined) return undefined;
  return {
    name: name ?? checkedName(file.filename.slice(file.filename.lastIndexOf('/') + 1)),
    content: file.content,
  };
}
