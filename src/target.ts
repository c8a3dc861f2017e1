/** Which table, key and token column are rotated. Stored with every checkpoint, so that no other target resumes it. */
export const TARGET = 'tickets.token';
