/** Hands a file to the browser to be saved. */
export function save(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has taken the file when the click returns; some browsers look once more.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
