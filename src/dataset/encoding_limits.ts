/** Up to what size a collection stays packed: Redis's directives of the same names, with its defaults. CONFIG SET changes them; values that exist stay as they are until they are next written. */
export class EncodingLimits {
  hashListpackEntries = 512;
  hashListpackValueBytes = 64;
  zsetListpackEntries = 128;
  zsetListpackValueBytes = 64;
  setIntsetEntries = 512;
  setListpackEntries = 128;
  setListpackValueBytes = 64;
  /** Negative: -1 … -5 for 4, 8, 16, 32, 64 KiB a node; positive: elements a node. */
  listListpackSize = -2;
  /** Nodes at either end of a list that are never compressed; 0: none is compressed. */
  listCompressDepth = 0;
  /** DEBUG QUICKLIST-PACKED-THRESHOLD: an element of a list with more bytes than this has a node of its own. 0: the default. */
  listPlainBytes = 0;
}
