/** Where a command's definition is not what Valkey 8's reference says, by "command field", with the reason. */
export const definitionDifferences: Readonly<Record<string, string>> = {
  "set arguments": "IFEQ, which the reference lacks",
  "multi flags":
    "no_multi is Valkey 8's: in Redis 7.2.4 a nested MULTI is an error that does not abort the transaction",
  "watch flags":
    "no_multi is Valkey 8's: in Redis 7.2.4 WATCH inside MULTI is an error that does not abort the transaction",
  "client|kill arguments": "TYPE primary and MAXAGE are Valkey 8's",
  "cluster|info flags": "loading is Valkey 8's",
  "cluster|myid flags": "loading is Valkey 8's",
  "cluster|nodes flags": "loading is Valkey 8's",
  "cluster|shards flags": "loading is Valkey 8's",
  "cluster|slots flags": "loading is Valkey 8's",
  "cluster|setslot arguments": "TIMEOUT is Valkey 8's, and cluster support is disabled",
};

/** Commands that Valkey 8's reference lacks: fields with an expiry are Redis 7.4's and 8's, ENCRYPTION and BACKUP are Emberlog's. */
export const absentFromReference: ReadonlySet<string> = new Set(
  `hexpire hexpireat hexpiretime hgetdel hgetex hpersist hpexpire hpexpireat hpexpiretime hpttl hsetex httl encryption encryption|help encryption|rotate encryption|status backup backup|drill backup|help backup|list backup|now backup|prune backup|status backup|verify`.split(
    " ",
  ),
);
