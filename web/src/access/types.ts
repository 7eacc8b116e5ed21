export const ROLES = ['admin', 'dispatcher', 'viewer'] as const
export interface User {
  name: string
  role: string
  disabled: boolean
  created_at: string
}
export interface Token {
  id: string
  name: string
  role: string
  scopes: string[]
  created_at: string
  expires_at?: string | null
  last_used_at?: string | null
  revoked_at?: string | null
}
