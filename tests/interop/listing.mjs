// What a listing shows of a folder on disk, in the order of the standard (8.5).

import { promises as fs } from 'node:fs';
import { absent } from './disk.mjs';
import { badName, compareBytes } from './headers.mjs';

/** Texts of entries below `base` in the order of their bytes (HF-CMD-019), until there are enough. */
export async function collect(root, base, query, found) {
  const { prefix, after, delimiter, most } = query;
  for (const { text, directory } of await children(root, base)) {
    if (found.length >= most) return;
    if (!directory) {
      if (text.startsWith(prefix) && compareBytes(text, after) > 0) found.push(text);      // HF-CMD-020
    } else if (delimiter && text.startsWith(prefix) && text.length > prefix.length) {      // HF-CMD-024
      if (compareBytes(text, after) > 0 && await holds(root, text)) found.push(text);
    } else if ((text.startsWith(prefix) || prefix.startsWith(text))
        && (compareBytes(text, after) > 0 || after.startsWith(text))) {
      await collect(root, text, query, found);
    }
  }
}

/** Children with names of HF/1, a directory's with its slash: so that the order of siblings is that of all below. */
async function children(root, base) {
  const entries = await fs.readdir(`${root}/${base}`, { withFileTypes: true, encoding: 'buffer' }).catch(absent);
  const found = [];
  for (const entry of entries ?? []) {
    const name = entry.name.toString();
    const directory = entry.isDirectory();
    if (!directory && !entry.isFile()) continue;
    if (badName(base + name) || !Buffer.from(name).equals(entry.name)) continue;
    const text = base + name + (directory ? '/' : '');
    found.push({ text, directory, bytes: Buffer.from(text) });
  }
  return found.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
}

async function holds(root, base) {
  for (const { text, directory } of await children(root, base)) {
    if (!directory || await holds(root, text)) return true;
  }
  return false;
}
