// The caller's user, from the form that crosses the boundary.
import type { UserData, UserDataWire } from './types.ts';

/** Additional fields arrive as pairs; they become an object. */
export function normalizeUserData(wire: UserDataWire): UserData {
  const fields = wire.additionalFields;
  const user: UserData = {
    tenantId: wire.tenantId,
    clientName: wire.clientName,
    userId: wire.userId,
    userEmail: wire.userEmail,
    userName: wire.userName,
    userType: wire.userType,
    clientId: wire.clientId ?? null,
  };
  if (Array.isArray(fields)) user.additionalFields = Object.fromEntries(fields);
  else if (fields && typeof fields === 'object') user.additionalFields = { ...fields };
  return user;
}
