import { Button } from './button'

/** The next page of a list; give it an infinite query. Nothing where there is none. */
export function LoadMore({ query, what }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }; what: string }) {
  if (!query.hasNextPage) return null
  return (
    <Button variant="ghost" size="sm" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      Show more {what}
    </Button>
  )
}
