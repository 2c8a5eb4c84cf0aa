/** The script of the part of the page that trains: beside that of the page, which does not need it. */
import { byId } from "../element.ts";
import { mountTraining } from "./mount.ts";

mountTraining(byId("train"), {
  root: `${location.origin}${location.pathname.replace(/\/+$/, "")}`,
  key: () => byId<HTMLInputElement>("key").value.trim(),
});
