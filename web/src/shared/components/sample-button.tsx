import { useMutation, useQueryClient } from '@tanstack/react-query'
import { FlaskConical } from 'lucide-react'
import { useNavigate } from 'react-router'
import { uploadSample } from '../api/sample'
import { Button } from './button'
import { ErrorPanel } from './error-panel'

/** "Try it with a sample": uploads the bundled CSV and opens its page. A failure shows below it. */
export function SampleButton({ variant = 'secondary', size = 'md' }: { variant?: 'primary' | 'secondary' | 'ghost'; size?: 'sm' | 'md' | 'lg' }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const upload = useMutation({
    mutationFn: uploadSample,
    onSuccess: async (file) => {
      await queries.invalidateQueries({ queryKey: ['sources'] })
      await navigate(`/files/${file.file_id}`)
    },
  })
  return (
    <>
      <Button variant={variant} size={size} busy={upload.isPending} onClick={() => upload.mutate()}>
        {!upload.isPending && <FlaskConical aria-hidden />}
        Try it with a sample
      </Button>
      {upload.error && <ErrorPanel error={upload.error} className="mt-2 w-full text-left" />}
    </>
  )
}
