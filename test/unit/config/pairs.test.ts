import { describe, expect, it } from 'vitest';
import { completePair, pairFor, parseFarEnd } from '../../../src/config/pairs.ts';

const WHERE = { base: '/base', home: '/home/me', label: 'pairs[0]' };
const docs = completePair(
  { name: 'docs', folder: '~/docs', workspace: 'w', path: '/d', pollSeconds: 7 },
  WHERE,
);
const site = completePair({ folder: '/srv/site', workspace: 'website' }, WHERE);

describe('WORKSPACE[:PATH]', () => {
  it.each([
    ['w', { workspace: 'w', path: '' }],
    ['w:', { workspace: 'w', path: '' }],
    ['w:/', { workspace: 'w', path: '' }],
    ['w:/docs/', { workspace: 'w', path: 'docs' }],
    ['My Space:a/b', { workspace: 'My Space', path: 'a/b' }],
    ['w:/a:b', { workspace: 'w', path: 'a:b' }],
  ])('%s is understood', (text, far) => {
    expect(parseFarEnd(text)).toEqual(far);
  });

  it.each(['', ':/docs', 'w/docs', 'w:/a/../b', 'w:/a//b', 'w:/.rtsync/trash'])('%j is refused', (text) => {
    expect(() => parseFarEnd(text)).toThrow('is not a WORKSPACE[:PATH]');
  });
});

describe('the pair of a command', () => {
  it('is made from FOLDER and WORKSPACE, relative to the current folder', () => {
    const [pair] = pairFor({ folder: 'x', farEnd: 'w:/y' }, '/home/me', []);
    expect(pair).toMatchObject({
      folder: '/home/me/x',
      workspace: 'w',
      path: 'y',
      direction: 'both',
      pollSeconds: 30,
    });
  });

  it('keeps its settings when the configuration has a pair of the same two ends', () => {
    expect(pairFor({ folder: '/home/me/docs', farEnd: 'w:d' }, '/', [docs, site])).toEqual([docs]);
  });

  it('can be named', () => {
    expect(pairFor({ folder: 'website' }, '/', [docs, site])).toEqual([site]);
    expect(() => pairFor({ folder: 'dosc' }, '/', [docs, site])).toThrow('did you mean "docs"?');
  });

  it('is the one whose folder holds the current folder, else all', () => {
    expect(pairFor({}, '/srv/site/deep', [docs, site])).toEqual([site]);
    expect(pairFor({}, '/srv/site2', [docs, site])).toEqual([docs, site]);
    expect(() => pairFor({}, '/', [])).toThrow('give FOLDER and WORKSPACE[:PATH]');
  });
});
