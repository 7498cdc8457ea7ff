/** What a person is told where the far side is not there any more: what is gone, that nothing was deleted, what to do. */

/** `workspace`: its slug, name or id. `folder`: the local root. */
export function workspaceGone(workspace: string, folder: string): string {
  return `the workspace ${JSON.stringify(workspace)}, with which ${folder} is synced, is gone, or the key no longer sees it; nothing was deleted here. Bring it back, or use a key that sees it; or, to sync the folder with another workspace, remove .rtsync/pair.json in it and use another --state-dir`;
}

/** `title`: the far end, such as `docs-project:/docs`. `folder`: the local root, as a word for the shell. */
export function remoteFolderGone(title: string, folder: string): string {
  return `${title} is gone from the workspace; nothing was deleted here. Put it back there; or, to compare both sides afresh without any delete, run rtsync approve --afresh ${folder}`;
}
