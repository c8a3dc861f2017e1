const COMMENT = /\/\/.*$/gm;

/** The blocks of a Prisma schema of one kind, without comments: each with its name, and what is between its braces. */
export function blocksOf(schema: string, kind: 'model' | 'enum'): { name: string; body: string }[] {
  const block = new RegExp(`^\\s*${kind}\\s+(\\w+)\\s*\\{([\\s\\S]*?)^\\s*\\}`, 'gm');
  return [...schema.replaceAll(COMMENT, '').matchAll(block)].map(([, name = '', body = '']) => ({ name, body }));
}
