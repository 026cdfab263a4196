/* [data-photo]: shows what was chosen and shrinks it to at most 200 kB before anything is sent. A photo that cannot be
   read here is sent as it is; the server checks and shrinks again. */
const LIMIT = 200 * 1024;
const MOST = 12 * 1024 * 1024;
const SIDES = [1600, 1280, 1024, 800, 640];

const encode = (canvas, quality) => new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));

const shrink = async (file) => {
  const bitmap = await createImageBitmap(file);
  if (file.size <= LIMIT && file.type === "image/jpeg") return { file, bitmap };
  const canvas = document.createElement("canvas");
  let blob = null;
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    for (const quality of [0.85, 0.7, 0.55]) {
      blob = await encode(canvas, quality);
      if (blob && blob.size <= LIMIT) break;
    }
    if (blob && blob.size <= LIMIT) break;
  }
  const name = file.name.replace(/\.\w+$/, "") + ".jpg";
  return { file: blob ? new File([blob], name, { type: "image/jpeg" }) : file, bitmap };
};

/* Drawn on a canvas: a blob: image would need a wider content security policy. */
const show = (list, { file, bitmap }) => {
  const item = document.createElement("li");
  if (bitmap) {
    const canvas = document.createElement("canvas");
    const side = Math.min(bitmap.width, bitmap.height);
    canvas.width = canvas.height = 240;
    canvas.getContext("2d").drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, 240, 240);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", file.name);
    item.append(canvas);
  }
  item.append(`${Math.ceil(file.size / 1024)} kB`);
  list.append(item);
};

const chosen = async (input) => {
  const box = input.closest("[data-photo]");
  const list = box.querySelector(".photo-list");
  const photos = await Promise.all([...input.files].map((file) => shrink(file).catch(() => ({ file }))));
  const words = box.querySelector(".photo-words");
  const large = photos.find(({ file }) => file.size > MOST);
  if (large) {
    input.value = "";
    list.replaceChildren();
    words.textContent = `“${large.file.name}”有 ${Math.ceil(large.file.size / 1024 / 1024)} MB，太大了，请换一张小于 12 MB 的`;
    return;
  }
  const transfer = new DataTransfer();
  photos.forEach(({ file }) => transfer.items.add(file));
  input.files = transfer.files;
  list.replaceChildren();
  photos.forEach((photo) => show(list, photo));
  words.textContent = photos.length ? `已选 ${photos.length} 张，点这里重选` : "拍照或选照片";
};

for (const input of document.querySelectorAll("[data-photo] input[type=file]")) {
  input.addEventListener("change", () => chosen(input));
}
