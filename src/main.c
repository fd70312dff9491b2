/* main.c - hand over to the command line; the one place where the process ends. */
int main(void)
{
    return 0;
}
