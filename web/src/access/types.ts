/** Those who work at the depot, and see what it does. */
export const STAFF = ['admin', 'dispatcher', 'viewer'] as const
export const ROLES = [...STAFF, 'driver', 'customer'] as const
export interface User {
  name: string
  role: string
  /** Whose people it is one of, or whose program it is, with the role of a customer. */
  customer?: string
  disabled: boolean
  created_at: string
}
export interface Token {
  id: string
  name: string
  role: string
  /** Whose people it is one of, or whose program it is, with the role of a customer. */
  customer?: string
  scopes: string[]
  created_at: string
  expires_at?: string | null
  last_used_at?: string | null
  revoked_at?: string | null
}
